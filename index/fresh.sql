-- Rows of `traffic` that `known` lacks. A row is known by what it says and, among rows that say
-- the same, by its number: an exact repeat is a row of its own, and reading it again is not.
-- Its id is half of a SHA-256 over that. `known` may be far larger than `traffic`, and is read
-- once, in a stream.
WITH numbered AS (
    SELECT *, row_number() OVER () AS place FROM traffic
),
told AS (
    SELECT *, row_number() OVER (
        PARTITION BY prompt, session_id, account_id, timestamp, model, system ORDER BY place
    ) AS occurrence
    FROM numbered
),
named AS MATERIALIZED (
    SELECT left(sha256(to_json([
        prompt, session_id, account_id, epoch_us(timestamp)::VARCHAR, model, system,
        occurrence::VARCHAR
    ])::VARCHAR), 32) AS row_id, *
    FROM told
),
held AS (
    SELECT row_id FROM known WHERE row_id IN (SELECT row_id FROM named)
)
SELECT * EXCLUDE (place, occurrence) FROM named
WHERE row_id NOT IN (SELECT row_id FROM held)
ORDER BY place
