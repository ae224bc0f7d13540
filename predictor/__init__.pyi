from .curves.learning_curves import LearningCurves as LearningCurves
from .errors import CurvesError as CurvesError
from .errors import PredictorError as PredictorError
from .models.features import CurveFeatures as CurveFeatures
from .models.names import make_method as make_method
from .models.sequential import SequentialRegression as SequentialRegression
from .rules.base import Decision as Decision
from .rules.base import NoStopping as NoStopping
from .rules.base import StoppingRule as StoppingRule
from .rules.envelope import RankEnvelope as RankEnvelope
from .rules.published import EarlyStopper as EarlyStopper

__version__: str
