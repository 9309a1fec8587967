using System;

namespace Net
{
    // How to connect.
    public class Client : Base
    {
        private int port = 80;
        public string Host { get; set; }

        public Client(int port)
        {
            this.port = port;
        }

        public string Send(string text) => Util.Join($"{port}", text, 'x');
    }

    interface IReader
    {
        int Read();
    }

    enum Color { Red }

    record Point(int X);
}
