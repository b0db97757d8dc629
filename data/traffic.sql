-- From rows as they stood in the files to traffic: sessions where the log had none, and order.
-- `row` is the order of reading, `input` the ordinal of the file. Windows and groups run over narrow
-- columns; the prompts are joined to them at the end.
WITH unnamed AS (
    SELECT row, timestamp, coalesce(account_id, 'input-' || input) AS who
    FROM staged WHERE session_id IS NULL
),
gaps AS (
    SELECT *, timestamp IS NOT NULL AND coalesce(
        timestamp - lag(timestamp) OVER log > getvariable('gap'), true
    ) AS opens
    FROM unnamed
    WINDOW log AS (PARTITION BY who ORDER BY timestamp NULLS LAST, row)
),
visits AS (
    SELECT *, sum(opens::INT) OVER (PARTITION BY who ORDER BY timestamp NULLS LAST, row) AS visit
    FROM gaps
),
given AS (
    SELECT row, who || '@' || coalesce(strftime(
        min(timestamp) OVER (PARTITION BY who, visit), '%Y%m%dT%H%M%S.%fZ'
    ), 'no-time') AS given_id
    FROM visits
),
named AS (
    SELECT row, coalesce(session_id, given_id) AS named_id, account_id
    FROM (SELECT row, session_id, account_id FROM staged) LEFT JOIN given USING (row)
),
placed AS (
    SELECT row, named_id, min(row) OVER (PARTITION BY named_id, account_id) AS first FROM named
)
SELECT prompt, named_id AS session_id, account_id, account_from, timestamp, model, system,
       prompt_chars, request_id, organisation, network, client, payment,
       label, kind, area, campaign, source, "group"
FROM staged JOIN placed USING (row)
ORDER BY first, timestamp NULLS LAST, row
