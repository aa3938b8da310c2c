"""What an answer must do, and how it is found out. Knows nothing of grading a class."""
