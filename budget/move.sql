-- Moves an attempt to another state: one round trip, one transaction. budget/functions.py gives it its name.
--
-- The answer is JSON: null when it moved, else {"state": …} (null: no such attempt), and then nothing changed. A value
-- that is null leaves its column as it is. Where p_approved names a quote, its approval must stand ({"outcome":
-- "not_approved"}): the lock makes whoever withdraws it wait for us, and us for her. An end gives the hold back and books the cost in every window that the hold
-- moved; then the slot comes back. Order of the locks: the attempt's own row, windows by cap, the slot: as in hold.sql.
CREATE FUNCTION {name}(
    p_attempt_id text, p_allowed text[], p_to text, p_micros bigint, p_note text, p_by text, p_now timestamp,
    p_ends boolean, p_frees boolean, p_approved text,
    p_process_id text, p_job_id text, p_poll_url text, p_job json, p_usage json, p_receipt json, p_model_answered text,
    p_error_code text, p_error text, p_evidence text, p_result_sha256 text, p_result_key text, p_cost_micros bigint,
    p_cost_source text, p_billed text
) RETURNS json LANGUAGE plpgsql AS $$
DECLARE
    before record;
    charged record;
    approval record;
BEGIN
    SELECT state, hold_micros, vendor, slot_taken INTO before
    FROM attempts WHERE attempt_id = p_attempt_id FOR NO KEY UPDATE;
    IF NOT FOUND OR before.state <> ALL (p_allowed) THEN
        RETURN json_build_object('state', before.state);
    END IF;
    IF p_approved <> '' THEN
        SELECT withdrawn_by, withdrawn_at INTO approval FROM approvals
        WHERE quote_hash = p_approved ORDER BY approval_id DESC LIMIT 1 FOR SHARE;
        IF NOT FOUND OR approval.withdrawn_at IS NOT NULL THEN
            RETURN json_build_object('outcome', 'not_approved', 'by', approval.withdrawn_by,
                'at', to_char(approval.withdrawn_at, 'YYYY-MM-DD HH24:MI'));
        END IF;
    END IF;
    UPDATE attempts SET
        state = p_to,
        slot_taken = slot_taken AND NOT p_frees,
        sent_at = CASE WHEN p_to = 'sent' THEN p_now ELSE sent_at END,
        accepted_at = CASE WHEN p_to = 'accepted' THEN p_now ELSE accepted_at END,
        delivered_at = CASE WHEN p_to = 'delivered' THEN p_now ELSE delivered_at END,
        in_doubt_at = CASE WHEN p_to = 'in_doubt' THEN p_now ELSE in_doubt_at END,
        ended_at = CASE WHEN p_ends THEN p_now ELSE ended_at END,
        process_id = coalesce(p_process_id, process_id),
        job_id = coalesce(p_job_id, job_id),
        poll_url = coalesce(p_poll_url, poll_url),
        job = coalesce(p_job, job),
        usage = coalesce(p_usage, usage),
        receipt = coalesce(p_receipt, receipt),
        model_answered = coalesce(p_model_answered, model_answered),
        error_code = coalesce(p_error_code, error_code),
        error = coalesce(p_error, error),
        evidence = coalesce(p_evidence, evidence),
        result_sha256 = coalesce(p_result_sha256, result_sha256),
        result_key = coalesce(p_result_key, result_key),
        cost_micros = coalesce(p_cost_micros, cost_micros),
        cost_source = coalesce(p_cost_source, cost_source),
        billed = coalesce(p_billed, billed)
    WHERE attempt_id = p_attempt_id;
    INSERT INTO attempt_events (attempt_id, state, micros, note, by, at)
    VALUES (p_attempt_id, p_to, p_micros, p_note, p_by, p_now);
    IF p_ends THEN
        FOR charged IN
            SELECT cap_id, "window" FROM attempt_caps WHERE attempt_id = p_attempt_id ORDER BY cap_id COLLATE "C"
        LOOP
            UPDATE cap_windows
            SET held_micros = held_micros - before.hold_micros, spent_micros = spent_micros + p_cost_micros
            WHERE cap_id = charged.cap_id AND "window" = charged."window";
        END LOOP;
    END IF;
    IF p_frees AND before.slot_taken THEN
        UPDATE vendor_slots SET used = used - 1 WHERE vendor = before.vendor;
    END IF;
    RETURN null;
END
$$
