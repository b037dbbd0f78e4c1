"""The filter patterns of CloudWatch Logs: which messages FilterLogEvents and StartLiveTail return. Pure.

`pattern.compile_filter` takes the three kinds apart: terms (`ERROR -"not found"`), conditions on JSON messages
(`{ $.level = "ERROR" }`) and conditions on the words of a message (`[ip, ..., status = 4*]`). The source of the
rules and of the examples in the tests is the service's page "Filter pattern syntax for metric filters".
"""
