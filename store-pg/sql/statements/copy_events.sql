COPY annals.events ({stored_columns}) FROM STDIN (FORMAT binary)
