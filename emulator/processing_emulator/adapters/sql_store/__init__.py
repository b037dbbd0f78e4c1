"""Jobs, logs and samples in a database through SQLAlchemy Core: SQLite by default."""
