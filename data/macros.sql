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

-- A prompt in NFC without control characters but line ends and tabs; '' where nothing is left to
-- read.
CREATE MACRO cleaned(text, suspect) AS CASE
    WHEN text IS NULL THEN NULL
    WHEN NOT regexp_matches(text, '[^\s\p{Z}\p{C}]') THEN ''
    WHEN suspect THEN nfc_normalize(
        regexp_replace(text, '[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]', '', 'g')
    )
    ELSE nfc_normalize(text)
END;

-- The first of some JSON values that is there and is not null.
CREATE MACRO first_given(choices) AS list_filter(
    choices, lambda choice: json_type(choice) <> 'NULL'
)[1];

-- A span's attributes by name, from an object or OTLP's list of {key, value: {stringValue}}; the
-- fields of the span itself where they stand at its top level. Read once, as spans are long.
CREATE MACRO attributes_of(span) AS try_cast(CASE json_type(span, '$.attributes')
    WHEN 'OBJECT' THEN json_extract(span, '$.attributes')
    WHEN 'VARCHAR' THEN try_cast(json_extract_string(span, '$.attributes') AS JSON)
    WHEN 'ARRAY' THEN try_cast('{' || array_to_string(list_transform(
        json_extract(span, '$.attributes[*]'),
        lambda entry: to_json(coalesce(entry ->> '$.key', ''))::VARCHAR || ':' || coalesce(
            first_given(json_extract(entry, [
                '$.value.stringValue', '$.value.intValue', '$.value.doubleValue',
                '$.value.boolValue', '$.value.arrayValue.values', '$.value'
            ])), 'null'::JSON
        )::VARCHAR
    ), ',') || '}' AS JSON)
    ELSE span
END AS MAP(VARCHAR, JSON));

-- The spans of a trace document, many in OTLP's envelope, else the document itself: each as
-- {span, attributes}.
CREATE MACRO traced_spans(document) AS list_transform(
    CASE WHEN json_type(document, '$.resourceSpans') = 'ARRAY'
        THEN json_extract(document, '$.resourceSpans[*].scopeSpans[*].spans[*]')
        ELSE [document]
    END,
    lambda span: struct_pack(span := span, attributes := attributes_of(span))
);

-- One attribute by its dotted name: a key with dots, one behind `attributes.`, or nested objects.
CREATE MACRO attribute(attributes, name) AS first_given([
    attributes[name], attributes['attributes.' || name],
    json_extract(attributes[split_part(name, '.', 1)], '$' || name[strpos(name, '.'):])
]);

-- The numbers N of the attributes `list`.N.…
CREATE MACRO numbers_under(attributes, list) AS list_sort(list_distinct(list_filter(
    list_transform(map_keys(attributes), lambda key: try_cast(
        regexp_extract(key, '^(?:attributes\.)?' || list || '\.(\d+)\.', 1) AS INTEGER
    )),
    lambda number: number IS NOT NULL
)));

-- Messages in flattened attributes such as llm.input_messages.0.message.role (`part` is then
-- `message.`), as a JSON list of {role, content}; NULL where there are none.
CREATE MACRO messages_under(attributes, list, part) AS to_json(nullif(list_transform(
    numbers_under(attributes, list),
    lambda n: json_object(
        'role', attribute(attributes, list || '.' || n || '.' || part || 'role'),
        'content', coalesce(
            opened(attribute(attributes, list || '.' || n || '.' || part || 'content')),
            to_json(list_transform(
                numbers_under(attributes, list || '.' || n || '.' || part || 'contents'),
                lambda m: json_object(
                    'type', attribute(attributes, list || '.' || n || '.' || part || 'contents.'
                        || m || '.message_content.type'),
                    'text', attribute(attributes, list || '.' || n || '.' || part || 'contents.'
                        || m || '.message_content.text')
                )
            ))
        )
    )
), []));

-- A message that OpenInference exports as {"message.role": …} or {"message": {…}}, as
-- {role, content}.
CREATE MACRO unwrapped(message) AS json_object(
    'role', first_given(json_extract(message, ['$."message.role"', '$.message.role', '$.role'])),
    'content', first_given([
        json_extract(message, '$."message.content"'), json_extract(message, '$.message.content'),
        json_extract(message, '$.content'),
        to_json(list_transform(
            json_extract(first_given(json_extract(
                message, ['$."message.contents"', '$.message.contents']
            )), '$[*]'),
            lambda block: json_object(
                'type', first_given(json_extract(
                    block, ['$."message_content.type"', '$.message_content.type']
                )),
                'text', first_given(json_extract(
                    block, ['$."message_content.text"', '$.message_content.text']
                ))
            )
        ))
    ])
);

-- What newest_user and system_text need of a request's messages, and no more.
CREATE MACRO newest_turns(messages) AS to_json(turns_of(messages)[-2:]);
CREATE MACRO first_instruction(messages) AS list_filter(
    json_extract(messages, '$[*]'),
    lambda message: role_of(message) IN ('system', 'developer')
)[1];

-- A span's ids and start, as the SDKs, OTLP and Phoenix write them.
CREATE MACRO trace_id(span) AS first_given(json_extract(
    span, ['$.context.trace_id', '$."context.trace_id"', '$.traceId', '$.trace_id']
));
CREATE MACRO span_id(span) AS first_given(json_extract(
    span, ['$.context.span_id', '$."context.span_id"', '$.spanId', '$.span_id']
));
CREATE MACRO span_start(span) AS first_given(json_extract(
    span, ['$.start_time', '$.startTimeUnixNano', '$.startTime', '$.timestamp']
));

-- What a request asks and who asks it, where `body` is the JSON that went to a model's API,
-- whichever API that is. A list of one element names a value that is used more than once: macros
-- within macros grow fast.

CREATE MACRO first_scalar(choices) AS list_filter(
    list_transform(choices, lambda choice: scalar(choice)), lambda text: text IS NOT NULL
)[1];

-- content_of, newest_user and system_text, for a value that is itself an expression.
CREATE MACRO text_of(message) AS list_transform(
    [coalesce(
        json_extract(message, '$.content'), json_extract(message, '$.parts'),
        json_extract(message, '$.value')
    )],
    lambda content: content_text(content)
)[1];
CREATE MACRO newest_text(messages) AS list_transform(
    [turns_of(messages)[-2:]],
    lambda turns: list_transform(
        [CASE
            WHEN role_of(turns[-1]) IN ('assistant', 'model', 'gpt') THEN turns[-2] ELSE turns[-1]
        END],
        lambda newest: CASE WHEN role_of(newest) IN ('user', 'human') THEN text_of(newest) END
    )[1]
)[1];
CREATE MACRO instruction_text(messages) AS list_transform(
    list_filter(
        json_extract(messages, '$[*]'),
        lambda message: role_of(message) IN ('system', 'developer')
    )[:1],
    lambda instruction: text_of(instruction)
)[1];

-- The messages of a request, or a list of messages; either may be a string within JSON.
CREATE MACRO messages_in(body) AS CASE
    WHEN json_type(body, '$.messages[0]') = 'OBJECT' THEN json_extract(body, '$.messages')
    WHEN json_type(body, '$.role') = 'VARCHAR' THEN json_array(body)
    ELSE list_filter(
        list_transform(
            list_concat([body], json_extract(body, ['$.messages', '$.contents', '$.input'])),
            lambda found: opened(found)
        ),
        lambda found: json_type(found, '$[0]') = 'OBJECT'
    )[1]
END;

-- Whether a request has messages: objects with a role, or the typed items of the Responses API.
CREATE MACRO asks(body) AS list_transform(
    [messages_in(body)],
    lambda messages: 'VARCHAR' IN (
        json_type(messages, '$[0].role'), json_type(messages, '$[0].type')
    )
)[1];

-- The text of a request without messages. What is to be embedded or spoken is no prompt.
CREATE MACRO text_in(body) AS CASE
    WHEN json_type(body) = 'VARCHAR' THEN body ->> '$'
    WHEN json_type(body, '$.voice') IS NULL AND NOT coalesce(
        regexp_matches(lower(body ->> '$.model'), 'embed|moderation|rerank|tts'), false
    )
        THEN coalesce(
            CASE WHEN json_type(body, '$.input') = 'VARCHAR' THEN body ->> '$.input' END,
            CASE WHEN json_type(body, '$.prompt') = 'VARCHAR' THEN body ->> '$.prompt' END,
            body ->> '$.prompt[0]'
        )
END;
CREATE MACRO prompt_in(body) AS list_transform(
    [messages_in(body)],
    lambda messages: CASE WHEN messages IS NULL THEN text_in(body) ELSE newest_text(messages) END
)[1];

CREATE MACRO system_in(body) AS coalesce(
    list_transform(
        [first_given(json_extract(body, [
            '$.system', '$.instructions', '$.systemInstruction.parts', '$.system_instruction.parts'
        ]))],
        lambda instructions: content_text(instructions)
    )[1],
    list_transform([messages_in(body)], lambda messages: instruction_text(messages))[1]
);

-- Claude Code packs a device, an account and a session into the one user id of a request: as
-- user_…_account_…_session_…, and since 2026 as JSON in a string.
CREATE MACRO user_part(id) AS CASE
    WHEN json_type(opened(id)) = 'OBJECT'
        THEN first_scalar(json_extract(opened(id), ['$.account_uuid', '$.device_id']))
    ELSE coalesce(
        nullif(regexp_extract(scalar(id), '_account_([0-9a-f-]+)_session_', 1), ''),
        nullif(regexp_extract(scalar(id), '^user_([0-9a-f]+)_account__session_', 1), ''),
        scalar(id)
    )
END;
CREATE MACRO first_user(ids) AS list_filter(
    list_transform(ids, lambda id: user_part(id)), lambda text: text IS NOT NULL
)[1];
CREATE MACRO user_in(body) AS first_user(
    json_extract(body, ['$.safety_identifier', '$.user', '$.metadata.user_id'])
);
CREATE MACRO session_in(body) AS coalesce(
    first_scalar(json_extract(body, [
        '$.session_id', '$.conversation_id', '$.conversation', '$.conversation.id',
        '$.litellm_session_id', '$.metadata.session_id', '$.metadata.conversation_id',
        '$.metadata.thread_id'
    ])),
    scalar(json_extract(opened(json_extract(body, '$.metadata.user_id')), '$.session_id')),
    nullif(regexp_extract(body ->> '$.metadata.user_id', '_session_([0-9a-f-]+)$', 1), '')
);

-- Where a row of a log holds a request and its answer: the row is the request, or has it as
-- `request`, `request.body` or `body`. The request is the first of these that has the field.
CREATE MACRO request_in(entry, request, body, field) AS list_filter(
    list_transform(
        [entry, request, json_extract(opened(request), '$.body'), body],
        lambda found: opened(found)
    ),
    lambda found: json_type(found, field) IN ('ARRAY', 'VARCHAR')
)[1];
CREATE MACRO answer_in(response) AS list_filter(
    list_transform(
        [json_extract(opened(response), '$.body'), response], lambda found: opened(found)
    ),
    lambda found: json_type(found) = 'OBJECT'
)[1];

-- The id that an API gave its answer, one per request. Some servers count instead, which repeats.
CREATE MACRO answer_id(id) AS CASE WHEN length(scalar(id)) >= 20 THEN scalar(id) END;

-- LiteLLM's call types that are no chat, and its session ids without those that it makes up, UUIDs
-- of version 4, for each request that came without one.
CREATE MACRO not_chat(call_type) AS coalesce(regexp_matches(
    lower(scalar(call_type)),
    'embed|image|speech|transcription|moderation|rerank|ocr|video|search|file|batch|mcp'
), false);
CREATE MACRO given_session(id) AS CASE
    WHEN NOT regexp_matches(
        scalar(id), '^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$'
    )
        THEN scalar(id)
END;

-- Whether a request with messages is for Chat Completions ('chat') or the Messages API
-- ('messages'), by what only one of them has; 'claude' is the Messages API by the model's name or
-- by the user id alone, and NULL can be either. The Messages API takes instructions among the
-- messages too, but never as the first.
CREATE MACRO form_of(body, answer) AS list_transform(
    [{
        'keys': json_keys(body),
        'messages': messages_in(body),
        'roles': json_extract_string(messages_in(body), '$[*].role'),
        'blocks': json_extract_string(messages_in(body), '$[*].content[*].type')
    }],
    lambda its: CASE
        WHEN list_has_any(its.keys, [
            'max_completion_tokens', 'response_format', 'stream_options', 'presence_penalty',
            'frequency_penalty', 'logit_bias', 'logprobs', 'seed', 'functions',
            'parallel_tool_calls', 'reasoning_effort', 'safety_identifier', 'choices'
        ])
        OR its.roles[1] = 'system'
        OR list_has_any(its.roles, ['developer', 'tool', 'function'])
        OR list_has_any(its.blocks, ['image_url', 'input_audio', 'file', 'refusal'])
        OR len(json_extract(its.messages, '$[*].tool_calls')) > 0
        OR len(json_extract(body, '$.tools[*].function')) > 0
        OR starts_with(answer ->> '$.object', 'chat.completion')
            THEN 'chat'
        WHEN json_type(body, '$.system') IN ('VARCHAR', 'ARRAY')
        OR list_has_any(its.keys, ['anthropic_version', 'anthropic_beta', 'stop_sequences'])
        OR json_type(body, '$.thinking.budget_tokens') IS NOT NULL
        OR (body ->> '$.thinking.type') = 'adaptive'
        OR list_has_any(
            its.blocks,
            ['tool_use', 'tool_result', 'thinking', 'redacted_thinking', 'document']
        )
        OR len(json_extract(its.messages, '$[*].content[*].source')) > 0
        OR len(json_extract(body, '$.tools[*].input_schema')) > 0
        OR (answer ->> '$.type') = 'message'
            THEN 'messages'
        WHEN starts_with(lower(body ->> '$.model'), 'claude')
        OR (
            json_type(body, '$.metadata.user_id') = 'VARCHAR'
            AND json_type(body, '$.max_tokens') IS NOT NULL
            AND NOT coalesce(
                regexp_matches(lower(body ->> '$.model'), '^(chat)?gpt|^o[0-9]'), false
            )
        )
            THEN 'claude'
    END
)[1];
