require "json"

module Net
  LIMIT = 3

  # How to connect.
  class Client < Base
    def initialize(host)
      @host = host
    end

    def self.open(host)
      new("#{host} name")
    end
  end
end

def connect(host)
  Net::Client.open(host).send(:now)
end
