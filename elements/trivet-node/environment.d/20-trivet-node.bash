# The image's Python; the folder of the virtual environment carries its number.
export TRIVET_PYTHON=3.13
