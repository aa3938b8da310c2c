"""What lives on this machine and gets in the course's way. Mends and ends nothing."""
