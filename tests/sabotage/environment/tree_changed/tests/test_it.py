import pathlib


def test_good():
    pathlib.Path('tests/data.txt').write_text('changed')
