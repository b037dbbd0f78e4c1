"""Credentials and signatures: who may sign a request, temporary credentials, and the check of signatures."""
