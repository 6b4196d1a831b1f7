"""A package that is out of order, for test_launch."""
