-- One array a column.
INSERT INTO annals.events ({stored_columns}) SELECT * FROM unnest({stored_values})
