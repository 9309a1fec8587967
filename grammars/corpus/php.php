<?php

namespace Net;

use Util\Text;

const LIMIT = 3;

// How to connect.
class Client extends Base
{
    private int $port = 80;

    public function send(string $text): Text
    {
        return join('x', "$text", $this->port());
    }
}

interface Reader
{
    public function read(): int;
}

function connect(Reader $reader): Client
{
    return new Client();
}
