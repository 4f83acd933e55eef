"""Where the issue of a quarantined test is kept: on GitHub with a token, else in a file ready to be posted."""
