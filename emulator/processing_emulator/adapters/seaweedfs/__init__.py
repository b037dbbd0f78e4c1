"""SeaweedFS as the embedded S3 store: started, watched over and stopped as a child process."""
