-- One value a column. The position is the largest there is plus one.
INSERT OR FAIL INTO annals_events ({stored_columns}) VALUES ({stored_values})
