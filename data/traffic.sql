-- From rows as they stood in the files to traffic: sessions where the log had none, and order.
-- `row` is the order of reading, `input` the ordinal of the file.
WITH told AS (
    SELECT *, session_id IS NULL AS unnamed, coalesce(account_id, 'input-' || input) AS who
    FROM staged
),
gaps AS (
    SELECT *, coalesce(timestamp - lag(timestamp) OVER log > $gap, true) AS opens
    FROM told
    WINDOW log AS (PARTITION BY who, unnamed ORDER BY timestamp NULLS LAST, row)
),
numbered AS (
    SELECT *, sum(opens::INT) OVER (
        PARTITION BY who, unnamed ORDER BY timestamp NULLS LAST, row
    ) AS visit
    FROM (SELECT * REPLACE (opens AND timestamp IS NOT NULL AS opens) FROM gaps)
),
named AS (
    SELECT * REPLACE (coalesce(session_id, who || '@' || coalesce(strftime(
        min(timestamp) OVER (PARTITION BY who, unnamed, visit), '%Y%m%dT%H%M%S.%fZ'
    ), 'no-time')) AS session_id)
    FROM numbered
)
SELECT prompt, session_id, account_id, timestamp, model, system,
       label, kind, area, campaign, source, "group"
FROM named
ORDER BY min(row) OVER (PARTITION BY session_id, account_id), timestamp NULLS LAST, row
