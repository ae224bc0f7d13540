"""The stopping rules of this package in other libraries: Optuna, Ray Tune, Lightning, Keras, a plain loop.

One module per library, each of which needs that library (an extra of this package) and adds nothing to a
rule's decisions: what it is asked about is in `predictor.integrations.trainings`. Importing this needs none.
"""
