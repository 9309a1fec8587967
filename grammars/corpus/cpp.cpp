#include <string>
using std::string;

namespace net {

// How to connect.
class Client : public Base {
public:
    explicit Client(int port) : port_(port) {}
    int send(const string &text) const { return text.size(); }
    void close();

private:
    int port_;
};

void Client::close() { port_ = 0; }

using Name = string;

template <typename T> T twice(T x) { return x + x; }

int &first(int *list) { return list[0]; }

} // namespace net

extern "C" {
char *from_c(int a);
}

namespace net {
const string &name_of(const Client &client);
template <typename T> T biggest(T a, T b);

class Server {
    Server(int port);
    Client *next() const;
    const string &name() const;
    int *data_;
};
} // namespace net
