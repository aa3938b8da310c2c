"""Between the codec and a socket: streams that speak WebSocket, and a tap that writes down."""
