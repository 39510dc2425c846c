#include "engine/torch/arithmetic.h"

#include <ATen/Context.h>
#include <c10/util/Exception.h>

#include <array>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace digitnet::engine {
namespace {

using Precision = at::Float32Precision;
using Backend = at::Float32Backend;
using Op = at::Float32Op;

// The older name of the precision of matrix products, which must agree with the
// newer one wherever a kernel reads it; a user may have set one alone.
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
    // They disagree.
  }
  return context.float32Precision(Backend::CUDA, Op::MATMUL) == Precision::TF32
             ? "highest"
             : "high";
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
    const bool tf32 = gpu && wanted.tf32;
    for (const Op op : {Op::CONV, Op::RNN}) {
      const Precision now = context_.float32Precision(backend, op);
      if (tf32 ? now == Precision::TF32 : exact(now)) continue;
      before_.push_back({backend, op, now});
      context_.setFloat32Precision(backend, op,
                                   tf32 ? Precision::TF32 : Precision::IEEE);
    }
    set_matmul(backend, tf32);
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
    for (const Before& flag : before_)
      context_.setFloat32Precision(flag.backend, flag.op, flag.precision);
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

  void set_matmul(Backend backend, bool tf32) {
    const Precision now = context_.float32Precision(backend, Op::MATMUL);
    const std::string name = matmul_name();
    if (tf32 ? now == Precision::TF32 && name != "highest"
             : exact(now) && name == "highest")
      return;
    matmul_ = name;
    for (const Backend each : {Backend::CUDA, Backend::MKLDNN}) {
      before_.push_back(
          {each, Op::MATMUL, context_.float32Precision(each, Op::MATMUL)});
    }
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
  std::condition_variable idle;
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
  shared.idle.wait(
      lock, [&] { return shared.users == 0 || shared.wanted == wanted; });
  if (shared.users == 0) {
    shared.flags.emplace(wanted);
    shared.wanted = wanted;
  }
  ++shared.users;
  inside = true;
}

ArithmeticScope::~ArithmeticScope() {
  if (!outermost_) return;
  Shared& shared = shared_flags();
  const std::lock_guard lock(shared.mutex);
  inside = false;
  if (--shared.users > 0) return;
  shared.flags.reset();
  shared.idle.notify_all();
}

}  // namespace digitnet::engine
