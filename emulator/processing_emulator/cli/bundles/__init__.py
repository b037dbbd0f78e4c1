"""A job in one file, its replay elsewhere, and the import of a job of the cloud.

`archive` is the file's format, `listings` what lies in S3, `placement` what is put there, `comparison` what differs.
`bundling`, `replaying` and `importing` are the three commands' work, as clients of the API.
"""
