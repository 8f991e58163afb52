-- Until the transaction ends, nobody else appends. Only a transaction whose next statement sees what
-- was committed while this one waited may have the lock; any other is told so by an empty answer.
SELECT CASE WHEN current_setting('transaction_isolation') LIKE 'read %'
            THEN pg_advisory_xact_lock(hashtextextended('annals.log', 0))::text END
