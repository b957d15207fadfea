"""The Complete Journey: two years of grocery purchases."""
