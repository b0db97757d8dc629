-- The heaviest words of each cluster in `told` (cluster, prompt) under class-based TF-IDF:
-- tf(w, c) · log(1 + A / f(w)), with A the mean number of words per cluster and f(w) the word's
-- count in all (Grootendorst 2022).
WITH words AS (
    SELECT cluster, unnest(regexp_extract_all(lower(left(prompt, $chars)), '\pL{2,}')) AS word
    FROM told
),
counted AS (
    SELECT cluster, word, count(*) AS n
    FROM words ANTI JOIN stop_words USING (word)
    GROUP BY ALL
),
weighed AS (
    SELECT cluster, word, n * ln(1 + sum(n) OVER () / $clusters / sum(n) OVER (PARTITION BY word))
        AS weight
    FROM counted
),
ranked AS (
    SELECT cluster, word, row_number() OVER (PARTITION BY cluster ORDER BY weight DESC, word)
        AS place
    FROM weighed
)
SELECT cluster, string_agg(word, ', ' ORDER BY place) AS name
FROM ranked
WHERE place <= $words
GROUP BY cluster
