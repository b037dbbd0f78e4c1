"""Queries of CloudWatch Logs Insights: `fields @message | filter level = "ERROR" | stats count(*) by bin(5m)`. Pure.

How a query becomes results::

    query.parse_query(text)      splits the commands; each is read by
        commands.py              fields, display, filter, parse, sort, stats, dedup, limit
            expressions.py       comparisons, arithmetic, functions, compiled to functions of a row
                tokens.py        words, numbers, texts, signs, regular expressions
    Query.run(rows)              pulls rows (`values.Row`) through the commands, as far as the limit goes

What is not listed there is refused by its name with QueryMalformed. The language is the service's page "CloudWatch Logs
Insights language query syntax".
"""
