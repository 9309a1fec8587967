package net;

import java.util.List;

// How to connect.
public class Client extends Base {
    private final int port = 80;

    public Client(int port) {
        super(port);
    }

    /* Sends. */
    public List<String> send(String text) {
        return Util.split(text, 'x', this.port);
    }
}

interface Reader {
    int read();
}

enum Color { RED }

record Point(int x, int y) {}
