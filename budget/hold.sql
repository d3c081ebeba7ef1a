-- Holds money for one call: one round trip, one transaction. budget/functions.py gives it its name and makes it.
--
-- The answer is JSON: held | in_the_way | tried | in_doubt | not_approved | zone | refused | busy. Whatever is not `held`
-- changed nothing.
-- Order: first what is this hold's own (attempt, its caps), then rows that are missing (new windows, a new slot row),
-- then the rows that everybody wants: windows by cap, the slot last. So hot rows are locked only for the check, the
-- update and the commit, and no two transactions wait for each other.
CREATE FUNCTION {name}(
    p_attempt_id text, p_work_key text, p_hold_micros bigint, p_price_version text, p_request json,
    p_run_id text, p_flow text, p_deployment text, p_campaign text, p_cost_centre text, p_asset_key text, p_sku text,
    p_stage text, p_tier text, p_vendor text, p_role text, p_model_id text,
    p_slots int, p_after_try int, p_resend boolean, p_approved text, p_by text, p_now timestamp, p_today text,
    p_zones text[], p_days text[], p_weeks text[], p_months text[]
) RETURNS json LANGUAGE plpgsql AS $$
DECLARE
    newest int := 0;
    doubtful text;
    approval record;
    row record;
    n int := 0;
    ids text[] := '{}';
    windows text[] := '{}';
    rules text[] := '{}';
    missing int[] := '{}';
    after_one bigint;
    after_micros bigint[] := '{}';
    taken int;
    told bigint[];
    alerts bigint[] := '{}';
BEGIN
    FOR row IN SELECT try_no, state, attempt_id FROM attempts WHERE work_key = p_work_key ORDER BY try_no LOOP
        IF row.state NOT IN ('released', 'in_doubt') THEN
            RETURN json_build_object('outcome', 'in_the_way', 'state', row.state);
        END IF;
        newest := row.try_no;
        IF row.state = 'in_doubt' THEN doubtful := row.attempt_id; END IF;
    END LOOP;
    IF p_after_try <> newest THEN  -- null when the caller does not say
        RETURN json_build_object('outcome', 'tried', 'try_no', newest);
    END IF;
    IF doubtful IS NOT NULL AND NOT p_resend THEN
        RETURN json_build_object('outcome', 'in_doubt', 'attempt_id', doubtful);
    END IF;

    IF p_approved <> '' THEN  -- move.sql looks again, under a lock, before a byte leaves
        SELECT withdrawn_by, withdrawn_at INTO approval FROM approvals
        WHERE quote_hash = p_approved ORDER BY approval_id DESC LIMIT 1;
        IF NOT FOUND OR approval.withdrawn_at IS NOT NULL THEN
            RETURN json_build_object('outcome', 'not_approved', 'by', approval.withdrawn_by,
                'at', to_char(approval.withdrawn_at, 'YYYY-MM-DD HH24:MI'));
        END IF;
    END IF;

    -- what obviously does not fit is refused here, before anything is written
    FOR row IN
        SELECT c.cap_id, concat_ws('|', c.scope, c.scope_value, c.period, c.time_zone) AS rule, c.limit_micros,
               c.time_zone, w.name, u.held_micros + u.spent_micros AS committed_micros
        FROM (VALUES ('global', ''), ('cost_centre', p_cost_centre), ('campaign', p_campaign), ('flow', p_flow),
                     ('deployment', p_deployment), ('run_id', p_run_id), ('vendor', p_vendor), ('model_id', p_model_id),
                     ('role', p_role), ('tier', p_tier), ('sku', p_sku)) AS d(scope, value)
        JOIN caps c ON c.scope = d.scope AND (d.scope = 'global' OR d.value <> '' AND c.scope_value IN ('*', d.value))
        CROSS JOIN LATERAL (
            SELECT CASE WHEN d.scope <> 'global' AND c.scope_value = '*' THEN d.value || '|' ELSE '' END
                || CASE c.period
                       WHEN 'run' THEN 'run ' || p_run_id
                       WHEN 'day' THEN p_days[array_position(p_zones, c.time_zone::text)]
                       WHEN 'week' THEN p_weeks[array_position(p_zones, c.time_zone::text)]
                       WHEN 'month' THEN p_months[array_position(p_zones, c.time_zone::text)]
                       ELSE 'total'
                   END AS name
        ) AS w
        LEFT JOIN cap_windows u ON u.cap_id = c.cap_id AND u."window" = w.name
        ORDER BY c.cap_id COLLATE "C"
    LOOP
        IF row.name IS NULL THEN
            RETURN json_build_object('outcome', 'zone', 'zone', row.time_zone);
        END IF;
        IF p_hold_micros > row.limit_micros - coalesce(row.committed_micros, 0) THEN
            RETURN json_build_object('outcome', 'refused', 'cap', row.cap_id, 'window', row.name,
                'limit_micros', row.limit_micros, 'committed_micros', coalesce(row.committed_micros, 0));
        END IF;
        n := n + 1;
        ids[n] := row.cap_id;
        windows[n] := row.name;
        rules[n] := row.rule;
        IF row.committed_micros IS NULL THEN missing := missing || n; END IF;
    END LOOP;
    IF n = 0 THEN
        RETURN json_build_object('outcome', 'refused', 'cap', null, 'limit_micros', 0, 'committed_micros', 0);
    END IF;
    SELECT used INTO taken FROM vendor_slots WHERE vendor = p_vendor;
    IF coalesce(taken, 0) >= p_slots THEN
        RETURN json_build_object('outcome', 'busy');
    END IF;

    INSERT INTO attempts (
        attempt_id, work_key, try_no, state, run_id, flow, deployment, campaign, cost_centre, asset_key, sku, stage, tier,
        vendor, role, model_id, price_version, hold_micros, process_id, job, request, usage, receipt, day, slot_taken,
        held_at
    ) VALUES (
        p_attempt_id, p_work_key, newest + 1, 'held', p_run_id, p_flow, p_deployment, p_campaign, p_cost_centre,
        p_asset_key, p_sku, p_stage, p_tier, p_vendor, p_role, p_model_id, p_price_version, p_hold_micros, p_by, '{}',
        p_request, '{}', '{}', p_today, true, p_now
    ) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN  -- another process was faster, a moment ago
        RETURN json_build_object('outcome', 'in_the_way', 'state', 'held');
    END IF;
    INSERT INTO attempt_caps (attempt_id, cap_id, "window") SELECT p_attempt_id, * FROM unnest(ids, windows);

    FOREACH n IN ARRAY missing LOOP
        INSERT INTO cap_windows (cap_id, "window") VALUES (ids[n], windows[n]) ON CONFLICT DO NOTHING;
    END LOOP;
    IF taken IS NULL THEN
        INSERT INTO vendor_slots (vendor, used) VALUES (p_vendor, 0) ON CONFLICT DO NOTHING;
    END IF;

    FOR n IN 1..cardinality(ids) LOOP
        UPDATE cap_windows SET held_micros = held_micros + p_hold_micros
        WHERE cap_id = ids[n] AND "window" = windows[n]
        RETURNING held_micros + spent_micros INTO after_one;
        after_micros[n] := after_one;
    END LOOP;
    -- a later statement than the locks: it sees every limit that was committed before them, and no limit of a locked
    -- window can be committed until we are done (set_cap takes these locks first)
    FOR row IN
        SELECT u.n, c.scope, c.limit_micros, c.thresholds,
               concat_ws('|', c.scope, c.scope_value, c.period, c.time_zone) AS rule
        FROM unnest(ids) WITH ORDINALITY AS u(cap_id, n) JOIN caps c ON c.cap_id = u.cap_id ORDER BY u.n
    LOOP
        n := row.n;
        IF row.rule <> rules[n] THEN
            RAISE EXCEPTION 'cap % was changed meanwhile', ids[n] USING ERRCODE = 'DL002';
        END IF;
        IF after_micros[n] > row.limit_micros THEN
            RAISE EXCEPTION 'does not fit cap %', ids[n] USING ERRCODE = 'DL001', DETAIL = json_build_object(
                'outcome', 'refused', 'cap', ids[n], 'window', windows[n], 'limit_micros', row.limit_micros,
                'committed_micros', after_micros[n] - p_hold_micros);
        END IF;
        IF p_hold_micros > 0 THEN
            WITH crossed AS (
                INSERT INTO cap_alerts (cap_id, "window", percent, limit_micros, committed_micros, attempt_id, run_id, at)
                SELECT ids[n], windows[n], t.value::int, row.limit_micros, after_micros[n], p_attempt_id, p_run_id, p_now
                FROM json_array_elements_text(row.thresholds) AS t
                WHERE (after_micros[n] - p_hold_micros) * 100 < t.value::bigint * row.limit_micros
                    AND t.value::bigint * row.limit_micros <= after_micros[n] * 100
                ORDER BY t.value::int
                ON CONFLICT DO NOTHING
                RETURNING alert_id
            )
            SELECT array_agg(alert_id) INTO told FROM crossed;
            alerts := alerts || told;
        END IF;
    END LOOP;
    UPDATE vendor_slots SET used = used + 1 WHERE vendor = p_vendor AND used < p_slots;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no slot of % is free', p_vendor USING ERRCODE = 'DL001',
            DETAIL = json_build_object('outcome', 'busy');
    END IF;
    INSERT INTO attempt_events (attempt_id, state, micros, note, by, at)
    VALUES (p_attempt_id, 'held', p_hold_micros, 'try ' || newest + 1, p_by, p_now);
    RETURN json_build_object('outcome', 'held', 'try_no', newest + 1, 'alerts', alerts);
END
$$
