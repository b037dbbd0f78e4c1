"""What makes the embedded store answer as S3 does: layers around the pass-through, one for each difference."""
