#include "engine/torch/arithmetic.h"

#include <ATen/Context.h>
#include <c10/util/Exception.h>

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace digitnet::engine {
namespace {

using Precision = at::Float32Precision;
using Backend = at::Float32Backend;
using Op = at::Float32Op;

// The older name of the precision of matrix products, which kernels of a GPU
// want to agree with the newer one; a user may have set one alone.
std::string matmul_name() {
  const at::Context& context = at::globalContext();
  try {
    switch (context.float32MatmulPrecision()) {
      case at::Float32MatmulPrecision::HIGHEST:
        return "highest";
      case at::Float32MatmulPrecision::HIGH:
        return "high";
      case at::Float32MatmulPrecision::MEDIUM:
        return "medium";
    }
  } catch (const c10::Error&) {
    // It disagrees with that of some device.
  }
  const auto now = [&](Backend backend) {
    return context.float32Precision(backend, Op::MATMUL);
  };
  bool tf32 = now(Backend::CUDA) == Precision::TF32;
  try {
    context.allowTF32CuBLAS();
  } catch (const c10::Error&) {
    tf32 = !tf32;  // with the GPU's
  }
  if (!tf32) return "highest";
  return now(Backend::MKLDNN) == Precision::BF16 ? "medium" : "high";
}

bool exact(Precision precision) {
  return precision == Precision::IEEE || precision == Precision::NONE;
}

// The user's flags, changed as wanted; its end puts them back.
class Flags {
 public:
  explicit Flags(const Arithmetic& wanted) {
    const bool gpu = wanted.device == c10::DeviceType::CUDA;
    const Backend backend = gpu ? Backend::CUDA : Backend::MKLDNN;
    const bool tf32 = wanted.tf32 && gpu;
    for (const Op op : {Op::CONV, Op::RNN}) set(backend, op, tf32);
    if (gpu) {
      set_matmul(tf32);
    } else {
      set(backend, Op::MATMUL, false);
    }
    if (wanted.deterministic) set_deterministic();
  }

  ~Flags() {
    if (deterministic_) {
      context_.setDeterministicCuDNN(deterministic_->cudnn);
      context_.setBenchmarkCuDNN(deterministic_->benchmark);
      context_.setDeterministicAlgorithms(deterministic_->algorithms,
                                          deterministic_->warn_only);
      context_.setDeterministicFillUninitializedMemory(deterministic_->fill);
    }
    if (!matmul_.empty()) context_.setFloat32MatmulPrecision(matmul_);
    for (const Before& flag : before_) put_back(flag);
  }

  Flags(const Flags&) = delete;
  Flags& operator=(const Flags&) = delete;

 private:
  struct Before {
    Backend backend;
    Op op;
    Precision precision;
  };
  struct Deterministic {
    bool cudnn, benchmark, algorithms, warn_only, fill;
  };

  // What was seen may have come from the flag above, which a later change of
  // that one must reach again. torch's own default ("tf32 unless the one above
  // says otherwise") cannot be set: its value is.
  void put_back(const Before& flag) {
    context_.setFloat32Precision(flag.backend, flag.op, Precision::NONE);
    if (context_.float32Precision(flag.backend, flag.op) != flag.precision)
      context_.setFloat32Precision(flag.backend, flag.op, flag.precision);
  }

  void set(Backend backend, Op op, bool tf32) {
    const Precision now = context_.float32Precision(backend, op);
    if (tf32 ? now == Precision::TF32 : exact(now)) return;
    before_.push_back({backend, op, now});
    context_.setFloat32Precision(backend, op,
                                 tf32 ? Precision::TF32 : Precision::IEEE);
  }

  // Of a GPU, by both names. The older one changes the CPU's, too.
  void set_matmul(bool tf32) {
    const auto now = [&](Backend backend) {
      return context_.float32Precision(backend, Op::MATMUL);
    };
    const std::string name = matmul_name();
    if (tf32 ? now(Backend::CUDA) == Precision::TF32 && name != "highest"
             : exact(now(Backend::CUDA)) && name == "highest")
      return;
    matmul_ = name;
    for (const Backend backend : {Backend::CUDA, Backend::MKLDNN})
      before_.push_back({backend, Op::MATMUL, now(backend)});
    context_.setFloat32MatmulPrecision(tf32 ? "high" : "highest");
  }

  void set_deterministic() {
    deterministic_ = {context_.deterministicCuDNN(), context_.benchmarkCuDNN(),
                      context_.deterministicAlgorithms(),
                      context_.deterministicAlgorithmsWarnOnly(),
                      context_.deterministicFillUninitializedMemory()};
    context_.setDeterministicCuDNN(true);
    context_.setBenchmarkCuDNN(false);  // which chooses by the clock
    context_.setDeterministicAlgorithms(true, false);
    context_.setDeterministicFillUninitializedMemory(false);
  }

  at::Context& context_ = at::globalContext();
  std::vector<Before> before_;
  std::string matmul_;
  std::optional<Deterministic> deterministic_;
};

// Who computes now, and how.
struct Shared {
  std::mutex mutex;
  std::condition_variable changed;
  uint64_t tickets = 0, served = 0;  // of who came, and may come in next
  int users = 0;
  Arithmetic wanted;
  std::optional<Flags> flags;
};

Shared& shared_flags() {
  static Shared shared;
  return shared;
}

thread_local bool inside = false;

}  // namespace

ArithmeticScope::ArithmeticScope(const Arithmetic& wanted)
    : outermost_(!inside) {
  if (!outermost_) return;
  Shared& shared = shared_flags();
  std::unique_lock lock(shared.mutex);
  const uint64_t ticket = shared.tickets++;
  shared.changed.wait(lock, [&] {
    return shared.served == ticket &&
           (shared.users == 0 || shared.wanted == wanted);
  });
  ++shared.served;
  if (shared.users == 0) {
    shared.flags.emplace(wanted);
    shared.wanted = wanted;
  }
  ++shared.users;
  inside = true;
  shared.changed.notify_all();
}

ArithmeticScope::~ArithmeticScope() {
  if (!outermost_) return;
  Shared& shared = shared_flags();
  const std::lock_guard lock(shared.mutex);
  inside = false;
  if (--shared.users > 0) return;
  shared.flags.reset();
  shared.changed.notify_all();
}

}  // namespace digitnet::engine
