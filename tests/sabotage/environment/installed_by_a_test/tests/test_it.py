import pathlib

import iniconfig


def test_good():
    site = pathlib.Path(iniconfig.__file__).parents[1]
    (site / 'sitecustomize.py').write_text('import os')
    (site / 'early.pth').write_text('import os')
