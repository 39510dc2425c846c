"""Pipelines of preprocessing, one or more for every step."""

from digitnet.preprocess import (
    Blur,
    GreyToRGB,
    MeanRGB,
    Median,
    Resize,
    RGBToGrey,
    Scale,
    Sharpen,
    Standardise,
)

# Steps and the number of channels of the raw image.
PIPELINES = {
    "scale": ([Scale()], 1),
    "standardise": ([Scale(), Standardise()], 3),
    "standardise given": ([Scale(), Standardise([0.1, 0.2, 0.3], [0.5])], 3),
    "mean_rgb": ([MeanRGB()], 3),
    "resize": ([Scale(), Resize(13, 7)], 1),
    "resize nearest": ([Scale(), Resize(5, 20, "nearest")], 3),
    "grey_to_rgb": ([Scale(), GreyToRGB(), MeanRGB([0.1, 0.2, 0.3])], 1),
    "rgb_to_grey": ([RGBToGrey(), Scale()], 3),
    "blur": ([Blur(5), Scale()], 1),
    "sharpen": ([Scale(), Sharpen()], 3),
    "median": ([Median(2), Scale()], 3),
}
