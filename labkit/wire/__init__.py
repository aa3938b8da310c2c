"""What crosses a connection, decoded and worded. Opens no sockets."""
