"""The leak guard: state that a test changed and did not put back is named on that test, and put back."""
