from helper_of_ours import ANSWER


def test_bad():
    assert ANSWER == 42
