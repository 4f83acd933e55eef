import execnet
import iniconfig


def test_good():
    assert iniconfig.ANSWER == execnet.ANSWER == 42
