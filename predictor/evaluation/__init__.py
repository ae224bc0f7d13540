"""How well methods predict recorded curves: R^2 over splits, ablations, depth generalisation, calibration."""
