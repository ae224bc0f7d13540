"""Forecasts of y_T, the value after the last epoch, from the first epochs of a curve."""
