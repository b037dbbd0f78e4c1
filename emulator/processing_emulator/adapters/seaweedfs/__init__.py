"""SeaweedFS as the embedded S3 store: started, watched and stopped as a child process."""
