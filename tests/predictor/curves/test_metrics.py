import pytest
from sklearn.metrics import get_scorer_names

from predictor import CurvesError, LearningCurves
from predictor.curves.metrics import NamedMetric, direction_of, metric_of, words_of

FALLING = (
    "valid_losses val_nll ce cross_entropy logloss valloss rmse mae wer val_errors val_error_rate "
    "perplexity ppl fid bpc crossEntropyLoss eval/mse testLoss neg_log_likelihood "
    "near_miss_loss winkler_score val_interval_score energy_score davies_bouldin_score "
    "brier_score val_brier_score fid_score LossScore eval/merror validation_0-mlogloss poisson-nloglik"
)
RISING = (
    "acc valid_accuracies top1 val/acc F1 auc mIoU bleu score r2 reward neg_mean_squared_error valAccuracy "
    "psnr brier_skill_score hamming_score f1_score roc_auc_score inception_score "
    "recall_at_fpr_1e-3 drop_path_acc acc_drop_0.5 fold/1-acc val/top-1-acc val/1-shot_acc "
    "rollout/ep_rew_mean eval_matthews_correlation eval_exact_match eval_rouge1 test-aucpr-mean pearsonr"
)
NEGATED = (
    "neg_loss negative_loss neg_val_loss val_neg_loss neg_nll neg_ce neg_cross_entropy neg_cost negLoss "
    "neg_log_loss val_neg_log_loss neg_logloss neg_mean_loss val/neg_loss_epoch neg_binary_crossentropy"
)
OF_NEGATIVES = (
    "negative_log_likelihood val_neg_log_likelihood NegativeLogLikelihoodLoss neg_log_likelihood_loss "
    "hard_negative_loss false_negative_loss negative_sampling_loss neg_class_loss pos_neg_loss loss_neg "
    "negative_binomial_loss"
)
LACKING = (
    "val/1-acc eval/1-Top1 valid/1-F1 val_accuracy_drop val_top1_miss val_fpr_at_95_recall fnr_at_95_recall"
)


@pytest.mark.parametrize("name", FALLING.split())
def test_losses_and_errors_are_minimized(name):
    assert direction_of(name) == "minimize"


@pytest.mark.parametrize("name", RISING.split())
def test_scores_are_maximized(name):
    assert direction_of(name) == "maximize"


@pytest.mark.parametrize(
    "scorer", [name for name in get_scorer_names() if direction_of(name) or name.startswith(("neg_", "d2_"))]
)
def test_more_is_better_for_whatever_scorer_of_scikit_learn_is_known(scorer):
    expected = None if "ratio" in scorer else "maximize"
    assert direction_of(scorer) == direction_of(f"val_{scorer}") == expected


@pytest.mark.parametrize("name", ["entropy", "policy_entropy", "valEntropy", "neg_entropy", "1-entropy"])
def test_entropy_alone_does_not_say_which_way_is_better(name):
    assert metric_of(name) is not None
    assert direction_of(name) is None


@pytest.mark.parametrize("name", LACKING.split())
def test_what_a_metric_may_lack_does_not_say_which_way_is_better(name):
    assert metric_of(name) == NamedMetric("_".join(words_of(name)), None)


@pytest.mark.parametrize("name", ["entropy_loss", "relative_entropy", "binary_crossentropy", "Cross-Entropy"])
def test_losses_called_after_entropy_are_minimized(name):
    assert metric_of(name) == metric_of("loss")


@pytest.mark.parametrize(
    "name", ["1-accuracy", "1 - AUC", "-reward", "one_minus_val_dice", "minus r2", "neg_f1"]
)
def test_a_metric_subtracted_from_1_or_0_goes_the_other_way(name):
    assert direction_of(name) == "minimize"
    assert direction_of("minus_loss") == "maximize"


@pytest.mark.parametrize("name", NEGATED.split())
def test_more_is_better_of_a_negated_loss(name):
    assert metric_of(name) == metric_of("neg_loss")
    assert direction_of(name) == "maximize"


@pytest.mark.parametrize("name", OF_NEGATIVES.split())
def test_a_loss_of_negative_examples_or_of_a_negative_likelihood_stays_one(name):
    assert direction_of(name) == "minimize"


GAINS = (
    "val_neg_elbo_loss neg_dice_loss neg_ssim_loss neg_psnr_loss negative_iou_loss neg_f1_loss "
    "neg_pearson_loss neg_reward_loss neg_return_cost negative_accuracy_loss"
)


@pytest.mark.parametrize("name", GAINS.split())
def test_a_loss_that_is_a_negated_gain_is_minimized(name):
    assert metric_of(name).direction == "minimize"


@pytest.mark.parametrize(
    "name", ["neg_entropy_loss", "negative_log_loss", "negative_logloss", "neg_hinge_loss", "gan_neg_loss"]
)
def test_what_could_be_a_loss_or_a_negated_one_has_no_direction(name):
    assert metric_of(name) is not None
    assert direction_of(name) is None


@pytest.mark.parametrize(
    "name", ["validation_1-auc", "run 1 - val_acc", "1_acc", "1 acc", "acc-1", "top-1 acc"]
)
def test_numbers_before_a_metric_are_not_what_it_is_subtracted_from(name):
    assert direction_of(name) == "maximize"


@pytest.mark.parametrize(
    ("name", "metric"),
    [("Val Top-1", "accuracy"), ("top 5", "accuracy"), ("Top-1 Error", "error"), ("err_top1", "error")],
)
def test_a_top_rank_alone_is_of_accuracy_and_beside_another_metric_of_that(name, metric):
    assert metric_of(name).name == metric


@pytest.mark.parametrize(
    "name",
    [
        "kl_weight",
        "loss_scale",
        "f1_threshold",
        "vf_loss_coeff",
        "score_time",
        "standard_error",
        "mean_std_error",
    ],
)
def test_what_goes_with_a_metric_is_none(name):
    assert metric_of(name) is None


@pytest.mark.parametrize("name", ["val_dice_coef", "f1_threshold_0.5", "weight_loss", "cross_entropy_lambda"])
def test_a_metric_with_a_word_of_settings_or_times_elsewhere_stays_one(name):
    assert metric_of(name) is not None


@pytest.mark.parametrize("name", ["foo", "", "value", "op", "epoch", "learning_curve"])
def test_a_name_that_does_not_tell_has_no_direction(name):
    assert direction_of(name) is None
    with pytest.raises(CurvesError, match=r"does not say whether more is better; say direction="):
        LearningCurves([[0.1, 0.2]], metric=name)


@pytest.mark.parametrize(
    ("name", "metric"),
    [("val_acc", "accuracy"), ("nll", "loss"), ("test_err", "error"), ("ppl", "perplexity"), ("wer", "wer")],
)
def test_the_four_metrics_have_one_name_each(name, metric):
    assert metric_of(name).name == metric


def test_names_are_split_into_words():
    assert words_of("e1LossMean") == ["e1", "loss", "mean"]
    assert words_of("train/NumMACs_total") == ["train", "num", "ma", "cs", "total"]
    assert words_of("trainloss") == ["train", "loss"]


@pytest.mark.parametrize("name", ["val_log_ppl", "LogPerplexity", "log-ppl"])
def test_the_logarithm_of_a_perplexity_is_a_loss(name):
    assert metric_of(name) == NamedMetric("loss", "minimize")


@pytest.mark.parametrize("name", ["log/ppl", "history/log/ppl", "log/perplexity", "log/val/ppl"])
def test_a_perplexity_in_a_log_is_a_perplexity(name):
    assert metric_of(name) == NamedMetric("perplexity", "minimize")
    assert metric_of("log/log_ppl") == metric_of("log/loss") == NamedMetric("loss", "minimize")


@pytest.mark.parametrize(
    ("name", "metric"),
    [
        ("val_prec@1", "accuracy"),
        ("Prec@5", "accuracy"),
        ("top@1", "accuracy"),
        ("val/error1", "error"),
        ("test_err5", "error"),
        ("valAP", "map"),
    ],
)
def test_metrics_of_the_first_guesses_are_known_however_they_are_written(name, metric):
    assert metric_of(name).name == metric
