// mesos-node: one node of an Apache Mesos 1.11.0 cluster, in the foreground.
//
//   mesos-node master                   a master without agents
//   mesos-node agent MASTER_IP:PORT     an agent of the master at that address
//
// libmesos contains the master and the agent beside the scheduler driver, so
// that a driver asked for the master "local" can run a whole cluster inside its
// own process. This launcher asks for such a cluster with no agents to get a
// master, and for one with one agent, whose built-in master it ends, to get an
// agent. What a node is told beyond that, it reads from the MESOS_* and
// LIBPROCESS_* environment, as Mesos' own daemons do.
//
// The package that libmesos comes from has no headers, hence the mangled names
// below; install.sh pins the one build whose layout this file knows.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <new>
#include <optional>
#include <string>

// libmesos.so was built as a Python extension and wants these three objects of
// the interpreter. It never touches them here, for it is never imported.
extern "C" {
void* PyExc_Exception = nullptr;
void* PyExc_TypeError = nullptr;
unsigned char _Py_NoneStruct[256] = {};
}

namespace libmesos {

// An `Option<std::string>` that holds a string, laid out as stout lays it out:
// a tag (0 is "some"), then the value.
struct SomeString {
  explicit SomeString(const char* text) { new (value) std::string(text); }
  int tag = 0;
  alignas(std::string) unsigned char value[sizeof(std::string)];
};

// A place for an object of the library whose class is unknown here. Each is
// larger than the object and lives as long as the process.
template <size_t Bytes>
struct Opaque {
  alignas(64) unsigned char bytes[Bytes];
};

#define STD_STRING "NSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE"

extern "C" {
bool initialize(const SomeString& delegate, const SomeString& readwrite_realm,
                const SomeString& readonly_realm)
    asm("_ZN7process10initializeERK6OptionI" STD_STRING "ES9_S9_");

void construct_upid(void* upid, const std::string& text)
    asm("_ZN7process4UPIDC1ERK" STD_STRING);

void terminate(const void* upid, bool ahead_of_queue)
    asm("_ZN7process9terminateERKNS_4UPIDEb");

bool wait(const void* upid, const int64_t& nanoseconds)
    asm("_ZN7process4waitERKNS_4UPIDERK8Duration");

void construct_framework_info(void* info) asm("_ZN5mesos13FrameworkInfoC1Ev");

void construct_driver(void* driver, void* scheduler, void* info, const std::string& master)
    asm("_ZN5mesos20MesosSchedulerDriverC1EPNS_9SchedulerERKNS_13FrameworkInfoERK" STD_STRING);

void appoint(void* detector, const void* upid)
    asm("_ZN5mesos6master8detector24StandaloneMasterDetector7appointERKN7process4UPIDE");

void launch_local_cluster()
    asm("_ZN5mesos8internal5local6launchERKNS1_5FlagsEPNS_9allocator9AllocatorE");
}

// Where the pinned build keeps, from its start, `launch_local_cluster` and the
// pointer to the detector that its local agents ask for the master.
constexpr uintptr_t kLaunchOffset = 0x2437d30;
constexpr uintptr_t kDetectorOffset = 0x4cec1b8;

void* local_detector() {
  const auto base = reinterpret_cast<uintptr_t>(&launch_local_cluster) - kLaunchOffset;
  return *reinterpret_cast<void**>(base + kDetectorOffset);
}

// The driver wants a scheduler, but is never started, so none of the twelve
// callbacks (slots after the two destructors) is ever called.
struct NoScheduler {
  virtual ~NoScheduler() = default;
  virtual void registered() {}
  virtual void reregistered() {}
  virtual void disconnected() {}
  virtual void resource_offers() {}
  virtual void offer_rescinded() {}
  virtual void status_update() {}
  virtual void framework_message() {}
  virtual void agent_lost() {}
  virtual void executor_lost() {}
  virtual void error() {}
  virtual void unused_1() {}
  virtual void unused_2() {}
};

}  // namespace libmesos

namespace {

constexpr int64_t kTenSeconds = 10'000'000'000;
constexpr useconds_t kPollMicroseconds = 250'000;

libmesos::Opaque<16 * 1024> framework_info;
libmesos::Opaque<64 * 1024> driver;
libmesos::Opaque<1024> built_in_master;
libmesos::Opaque<1024> leading_master;
libmesos::NoScheduler no_scheduler;

std::optional<sockaddr_in> parse_address(const std::string& text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) return std::nullopt;
  char* end = nullptr;
  const long port = strtol(text.c_str() + colon + 1, &end, 10);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  const bool valid = *end == '\0' && port > 0 && port < 65536 &&
                     inet_pton(AF_INET, text.substr(0, colon).c_str(), &address.sin_addr) == 1;
  return valid ? std::optional(address) : std::nullopt;
}

// A connection to it, or -1 if nothing listens there.
int connect_to(const sockaddr_in& address) {
  const int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connection < 0) return -1;
  if (connect(connection, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
    return connection;
  close(connection);
  return -1;
}

// The master sends nothing to one who asks nothing, so reading ends with its end.
void wait_for_end(int connection) {
  char byte = 0;
  while (recv(connection, &byte, 1, 0) > 0 || errno == EINTR) errno = 0;
  close(connection);
}

// `default_process` answers the paths that name no process: /api/v1/scheduler
// on a master, /api/v1/executor on an agent.
void start(const char* default_process, const char* agents) {
  libmesos::initialize(libmesos::SomeString(default_process),
                       libmesos::SomeString("mesos-readwrite"),
                       libmesos::SomeString("mesos-readonly"));
  setenv("MESOS_NUM_SLAVES", agents, 1);
  libmesos::construct_framework_info(&framework_info);
  libmesos::construct_driver(&driver, &no_scheduler, &framework_info, "local");
}

// The built-in master would end this process once it saw another one lead.
void end_built_in_master(const std::string& own_address) {
  libmesos::construct_upid(&built_in_master, "master@" + own_address);
  libmesos::terminate(&built_in_master, true);
  libmesos::wait(&built_in_master, kTenSeconds);
}

// Tells the agent of its master each time the master (again) begins to listen,
// which is what an election in ZooKeeper would do. A connection that is held
// shows the end of a master even if the next is there at once.
[[noreturn]] void follow_master(const std::string& text, const sockaddr_in& address) {
  libmesos::construct_upid(&leading_master, "master@" + text);
  for (;; usleep(kPollMicroseconds)) {
    const int connection = connect_to(address);
    if (connection < 0) continue;
    libmesos::appoint(libmesos::local_detector(), &leading_master);
    wait_for_end(connection);
  }
}

int fail(const std::string& message) {
  std::cerr << "mesos-node: " << message << std::endl;
  return 2;
}

int run_agent(const std::string& master) {
  const char* ip = getenv("LIBPROCESS_IP");
  const char* port = getenv("LIBPROCESS_PORT");
  if (ip == nullptr || port == nullptr)
    return fail("LIBPROCESS_IP and LIBPROCESS_PORT must name the agent's own address; run-node sets them");
  const auto address = parse_address(master);
  if (!address) return fail("'" + master + "' is no master address; write it as IP:PORT, such as 127.0.0.1:5050");
  start("slave(1)", "1");
  end_built_in_master(std::string(ip) + ":" + port);
  follow_master(master, *address);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string role = argc > 1 ? argv[1] : "";
  if (role == "agent" && argc == 3) return run_agent(argv[2]);
  if (role != "master" || argc != 2) return fail("usage: mesos-node master | mesos-node agent MASTER_IP:PORT");
  start("master", "0");
  for (;;) pause();
}
