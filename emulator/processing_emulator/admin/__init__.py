"""The emulator's own endpoints, below `/_emulator/`: health, and what a job is doing beyond what AWS shows."""
