-- What the log formats' projections are written in. `value`, `content` and `messages` are JSON.

-- A scalar as text; NULL for objects and lists.
CREATE MACRO scalar(value) AS CASE
    WHEN json_type(value) NOT IN ('OBJECT', 'ARRAY') THEN nullif(trim(value ->> '$'), '')
END;

-- JSON that some logs keep as a string within JSON.
CREATE MACRO opened(value) AS CASE
    WHEN json_type(value) = 'VARCHAR' AND json_valid(value ->> '$') THEN (value ->> '$')::JSON
    ELSE value
END;

-- Times: ISO 8601 (UTC where no zone is given), or an epoch in s, ms, µs or ns, told apart by size.
CREATE MACRO seconds(number) AS number / CASE
    WHEN number >= 1e17 THEN 1e9 WHEN number >= 1e14 THEN 1e6 WHEN number >= 1e11 THEN 1e3 ELSE 1
END;
CREATE MACRO to_time(text) AS CASE
    WHEN isfinite(try_cast(text AS TIMESTAMPTZ)) THEN try_cast(text AS TIMESTAMPTZ)
    WHEN seconds(try_cast(text AS DOUBLE)) BETWEEN 0 AND 4102444800
        THEN to_timestamp(seconds(try_cast(text AS DOUBLE)))
END;

-- One block of a message: its text, or its type as a marker such as [image]; what a tool or the
-- model says is no part of a prompt.
CREATE MACRO block_text(block) AS CASE
    WHEN json_type(block) = 'VARCHAR' THEN block ->> '$'
    WHEN json_type(block) IS DISTINCT FROM 'OBJECT' THEN NULL
    WHEN coalesce(block ->> '$.type', 'text') IN ('text', 'input_text')
        THEN coalesce(block ->> '$.text', block ->> '$.content')
    WHEN block ->> '$.type' IN (
        'tool_result', 'tool_use', 'tool_call', 'tool_call_response', 'function_call',
        'function_call_output', 'thinking', 'reasoning', 'output_text'
    ) THEN NULL
    ELSE '[' || (block ->> '$.type') || ']'
END;

-- The content of a message: text, one block, or a list of blocks.
CREATE MACRO content_text(content) AS CASE json_type(content)
    WHEN 'VARCHAR' THEN content ->> '$'
    WHEN 'OBJECT' THEN block_text(content)
    WHEN 'ARRAY' THEN nullif(array_to_string(list_filter(
        list_transform(json_extract(content, '$[*]'), lambda block: block_text(block)),
        lambda text: text IS NOT NULL
    ), chr(10)), '')
END;

CREATE MACRO role_of(message) AS lower(coalesce(message ->> '$.role', message ->> '$.from'));
CREATE MACRO content_of(message) AS content_text(
    coalesce(message -> '$.content', message -> '$.parts', message -> '$.value')
);

-- A user's message as text; NULL for everybody else's, and for one that holds tool results only.
CREATE MACRO user_text(message) AS CASE
    WHEN role_of(message) IN ('user', 'human') THEN content_of(message)
END;

-- The messages of a request, instructions left out.
CREATE MACRO turns_of(messages) AS list_filter(
    json_extract(messages, '$[*]'),
    lambda message: coalesce(role_of(message) NOT IN ('system', 'developer'), true)
);

-- The newest user turn of a request. Clients resend the whole conversation with every call, so only
-- the last turn is new; where a tool answered last, none is. The model's own last turn is passed
-- over: a log may append it, and a client may begin it.
CREATE MACRO newest_of(turns) AS user_text(CASE
    WHEN role_of(turns[-1]) IN ('assistant', 'model', 'gpt') THEN turns[-2] ELSE turns[-1]
END);
CREATE MACRO newest_user(messages) AS newest_of(turns_of(messages));

-- The first instruction among the messages.
CREATE MACRO system_text(messages) AS content_of(list_filter(
    json_extract(messages, '$[*]'),
    lambda message: role_of(message) IN ('system', 'developer')
)[1]);
