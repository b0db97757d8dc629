-- From rows as they stood in the files to traffic, in the order of reading: sessions where the log
-- had none. `row` is the order of reading, `input` the ordinal of the file. Windows run over narrow
-- columns of the rows without a session; the prompts are joined to them at the end.
WITH unnamed AS (
    SELECT row, timestamp, coalesce(account_id, 'input-' || input) AS who
    FROM staged WHERE session_id IS NULL AND broken IS NULL
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
)
SELECT prompt, coalesce(session_id, given_id) AS session_id, account_id, account_from, timestamp,
       model, system, prompt_chars, request_id, organisation, network, client, payment,
       label, kind, area, campaign, source, template, "group", row
FROM staged LEFT JOIN given USING (row)
WHERE broken IS NULL
