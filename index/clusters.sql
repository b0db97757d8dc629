-- What the `rows` (prompt, account_id, session_id, timestamp) say of each cluster of `labelled`
-- (prompt, cluster).
SELECT
    cluster,
    count(*) AS size,
    count(DISTINCT account_id) AS accounts,
    count(DISTINCT session_id) AS sessions,
    min(timestamp) AS first,
    max(timestamp) AS last,
    1 - count(DISTINCT prompt) / count(*) AS repeats
FROM rows JOIN labelled USING (prompt)
GROUP BY cluster
ORDER BY size DESC, cluster
