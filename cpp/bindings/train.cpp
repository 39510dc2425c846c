#include <optional>
#include <type_traits>

#include "bindings/convert.h"
#include "bindings/ranks.h"
#include "bindings/recorder.h"
#include "bindings/training_state.h"
#include "core/error.h"
#include "core/list.h"
#include "engine/device.h"
#include "engine/memory.h"
#include "engine/predictor.h"
#include "engine/select.h"
#include "kernels/kernels.h"
#include "optimizers/all.h"
#include "train/adapt.h"
#include "train/rehearsal.h"
#include "train/schedules.h"
#include "train/settings.h"
#include "train/state.h"
#include "train/trainer.h"

namespace digitnet::bindings {
namespace {

// One option of fit() from Python; the range is checked with all others.
template <class T>
T option_from(const py::handle& value, const std::string& where) {
  try {
    if constexpr (std::is_same_v<T, Spec>)
      return spec_from(value, where);
    else
      return value.cast<T>();
  } catch (const py::cast_error&) {
    throw std::invalid_argument(
        join(where, ": expected ",
             std::is_same_v<T, uint64_t> ? "a number from 0 to 2^64 - 1"
                                         : "another type or range",
             ", got ", std::string(py::repr(value)).substr(0, 60)));
  }
}

train::Config config_from(const py::dict& values) {
  train::Config config;
  size_t used = 0;
  py::list names;
  train::each_option(config, [&](const char* name, auto& field, auto...) {
    names.append(name);
    if (!values.contains(name)) return;
    using Field = std::remove_reference_t<decltype(field)>;
    field = option_from<Field>(values[name], join("fit.", name));
    ++used;
  });
  if (used == values.size()) return config;
  for (const auto& [key, value] : values) {
    require(names.contains(key), "fit: unknown option '",
            std::string(py::str(key)), "'");
  }
  return config;
}

// The defaults, as config_from() takes them.
py::dict default_options() {
  py::dict result;
  const train::Config defaults;
  train::each_option(
      defaults, [&](const char* name, const auto& field, auto...) {
        if constexpr (std::is_same_v<std::decay_t<decltype(field)>, Spec>)
          result[name] = field.name;
        else
          result[name] = field;
      });
  return result;
}

// Python's callbacks as hooks of the loop, which runs without the GIL; where
// Ctrl-C becomes a stop (see train/trainer.h).
class PythonHooks {
 public:
  PythonHooks(py::object epoch_done, py::object pulse, py::object save)
      : epoch_done_(std::move(epoch_done)),
        pulse_(std::move(pulse)),
        save_(std::move(save)) {}

  train::Hooks hooks() {
    train::Hooks result{
        [this](const train::Epoch& row) { return epoch_done(row); },
        [this](int64_t epoch, int64_t step, int64_t steps, double loss) {
          return pulse(epoch, step, steps, loss);
        }};
    if (!save_.is_none())
      result.save = [this](const train::State& state) { return save(state); };
    return result;
  }
  bool interrupted() const { return interrupted_; }

 private:
  // f() under the GIL. An interrupt that came before is noted first, and f is
  // called all the same: the row, the callbacks and the state of an epoch that
  // is done are not lost.
  template <class F>
  train::Request call(F f) {
    return with_gil([&] {
      try {
        if (PyErr_CheckSignals() != 0) throw py::error_already_set();
      } catch (py::error_already_set& error) {
        if (!error.matches(PyExc_KeyboardInterrupt)) throw;
        interrupted_ = true;
      }
      try {
        const bool stop = f();
        if (interrupted_) return train::Request::Interrupt;
        return stop ? train::Request::Stop : train::Request::GoOn;
      } catch (py::error_already_set& error) {
        if (!error.matches(PyExc_KeyboardInterrupt)) throw;
        interrupted_ = true;
        return train::Request::Stop;
      }
    });
  }

  train::Request epoch_done(const train::Epoch& row) {
    return call([&] {
      return epoch_done_(py::dict("epoch"_a = row.number, "loss"_a = row.loss,
                                  "accuracy"_a = row.accuracy,
                                  "val_loss"_a = row.val_loss,
                                  "val_accuracy"_a = row.val_accuracy,
                                  "learning_rate"_a = row.learning_rate,
                                  "seconds"_a = row.seconds))
          .cast<bool>();
    });
  }

  bool pulse(int64_t epoch, int64_t step, int64_t steps, double loss) {
    const auto request = call([&] {
      if (!pulse_.is_none()) pulse_(epoch, step, steps, loss);
      return false;
    });
    return request != train::Request::GoOn;
  }

  bool save(const train::State& state) {
    const auto request = call([&] {
      save_(state_to_dict(state));
      return false;
    });
    return request != train::Request::GoOn;
  }

  py::object epoch_done_, pulse_, save_;
  bool interrupted_ = false;
};

const char* name_of(train::Status status) {
  switch (status) {
    case train::Status::Finished:
      return "finished";
    case train::Status::StoppedEarly:
      return "stopped early";
    case train::Status::Interrupted:
      return "interrupted";
    case train::Status::Diverged:
      return "diverged";
  }
  return "";
}

data::DatasetView labelled_view(const py::array& images,
                                const std::optional<Labels>& rows,
                                const Labels& labels,
                                const std::optional<Doubles>& weights,
                                const models::Model& model,
                                const std::string& where) {
  data::DatasetView view = samples_view(images, rows);
  require(view.images.shape == model.input(), where,
          ": expected images of shape ", to_string(model.input()), ", got ",
          to_string(view.images.shape));
  require(labels.size() == view.count, where, ": expected ", view.count,
          " labels, got ", labels.size());
  data::check_labels(where + ".labels", labels.data(), labels.size(),
                     model.outputs());
  view.labels = labels.data();
  if (weights) {
    require(weights->size() == view.count, where, ".sample_weight: expected ",
            view.count, " weights, got ", weights->size());
    data::check_weights(where + ".sample_weight", weights->data(),
                        weights->size());
    view.weights = weights->data();
  }
  return view;
}

py::dict fit(models::Model& model, const py::array& images,
             const std::optional<Labels>& rows, const Labels& labels,
             const std::optional<Doubles>& sample_weight,
             const std::optional<Labels>& domains,
             const std::optional<py::array>& val_images,
             const std::optional<Labels>& val_rows,
             const std::optional<Labels>& val_labels, const py::dict& options,
             py::object epoch_done, py::object pulse, const py::object& ranks,
             const py::object& recorder, py::object save, double save_seconds,
             const std::optional<py::dict>& from) {
  const train::Config config = config_from(options);
  auto training =
      labelled_view(images, rows, labels, sample_weight, model, "fit.data");
  if (domains) {
    require(domains->size() == training.count, "fit.target: expected ",
            training.count, " domains, got ", domains->size());
    data::check_labels("fit.target", domains->data(), domains->size(), 2);
    training.domains = domains->data();
  }
  data::DatasetView validation;
  if (val_images)
    validation = labelled_view(*val_images, val_rows, val_labels.value(),
                               std::nullopt, model, "fit.validation");
  std::optional<train::State> state;
  if (from) state = state_from_dict(*from);
  PythonHooks hooks(std::move(epoch_done), std::move(pulse), std::move(save));
  train::Hooks loop_hooks = hooks.hooks();
  loop_hooks.ranks = ranks_from(ranks);
  loop_hooks.recorder = recorder_from(recorder);
  loop_hooks.save_seconds = save_seconds;
  train::Outcome outcome;
  {
    const GilRelease release;
    model.preprocess().learn(training);
  }
  {
    const GilRelease release(OnInterrupt::Ignore);  // the hooks look for it
    outcome = train::fit(model, training, validation, config, loop_hooks,
                         state ? &*state : nullptr);
  }
  // Where a callback raised it, the loop knows of an ordinary stop only.
  if (hooks.interrupted()) outcome.status = train::Status::Interrupted;
  return py::dict("status"_a = name_of(outcome.status),
                  "best_epoch"_a = outcome.best_epoch,
                  "message"_a = outcome.message, "loop"_a = outcome.loop,
                  "step_losses"_a = outcome.step_losses,
                  "step_rates"_a = outcome.step_rates);
}

void learn_preprocessing(models::Model& model, const py::array& images,
                         const std::optional<Labels>& rows) {
  const data::DatasetView view = samples_for(model, images, rows);
  const GilRelease release;
  model.preprocess().learn(view);
}

// A rehearsal with the arrays that it borrows.
class PythonRehearsal {
 public:
  PythonRehearsal(models::Model& model, py::array images,
                  std::optional<Labels> rows, Labels labels,
                  const py::dict& options, int64_t launch_steps)
      : images_(std::move(images)),
        rows_(std::move(rows)),
        labels_(std::move(labels)),
        view_(labelled_view(images_, rows_, labels_, std::nullopt, model,
                            "rehearsal.data")),
        rehearsal_(model, view_, config_from(options), launch_steps) {}

  void start_epoch() { rehearsal_.start_epoch(); }
  int64_t launch() { return rehearsal_.launch(); }

 private:
  py::array images_;
  std::optional<Labels> rows_;
  Labels labels_;
  data::DatasetView view_;
  train::Rehearsal rehearsal_;
};

void adapt(engine::Predictor& predictor, const py::array& images,
           const std::optional<Labels>& rows) {
  models::Model& model = predictor.model();
  const auto view = samples_for(model, images, rows);
  const GilRelease release;
  const auto lease = predictor.lease_inspector();
  train::adapt_statistics(lease.inspector(), model, view, check_signals);
}

}  // namespace

void bind_train(py::module_& root) {
  auto m = root.def_submodule("train", "The training loop.");
  m.def("free_memory", &engine::free_memory,
        "Bytes that can be used without driving others out.");
  m.def(
      "describe_optimizers",
      [] {
        py::list result;
        for (const auto& entry : optimizers::all()) {
          result.append(py::dict(
              "name"_a = entry.name, "summary"_a = entry.summary,
              "source"_a = entry.source, "learning_rate"_a = entry.default_lr,
              "options"_a = describe_options(entry.options)));
        }
        return result;
      },
      "Every optimizer with its options.");
  m.def(
      "describe_schedules",
      [] {
        py::list result;
        for (const auto& entry : train::schedules::all()) {
          result.append(
              py::dict("name"_a = entry.name, "summary"_a = entry.summary,
                       "source"_a = entry.source,
                       "options"_a = describe_options(entry.options)));
        }
        return result;
      },
      "Every learning-rate schedule with its options.");
  m.def(
      "schedule_factors",
      [](const py::object& schedule, int64_t steps_per_epoch, int64_t epochs) {
        require(steps_per_epoch >= 1 && epochs >= 1 &&
                    steps_per_epoch <= 100'000'000 / epochs,
                "schedule_factors: expected 1 to 100000000 steps in all");
        Spec spec = spec_from(schedule, "schedule");
        const auto& entry =
            find(train::schedules::all(), "schedule", spec.name);
        const auto curve =
            entry.make(resolve(spec.name, entry.options, spec.options),
                       {steps_per_epoch, epochs});
        std::vector<double> factors;
        for (int64_t step = 0; step < steps_per_epoch * epochs; ++step)
          factors.push_back(curve->factor(step));
        return to_array(std::move(factors));
      },
      "schedule"_a, "steps_per_epoch"_a, "epochs"_a,
      "The learning rate's factor at every step.");
  m.def("default_options", &default_options,
        "Every option of fit() with its default.");
  m.def(
      "check",
      [](const py::dict& options, int64_t classes, bool has_validation) {
        config_from(options).validate(classes, has_validation);
      },
      "options"_a, "classes"_a, "has_validation"_a,
      "Raise what fit() would raise of these options.");
  m.def(
      "check_for",
      [](const models::Model& model, const py::dict& options,
         bool has_validation, bool has_target) {
        train::Config config = config_from(options);
        train::check(model, config, has_validation, has_target);
      },
      "model"_a, "options"_a, "has_validation"_a, "has_target"_a,
      "Raise what fit() would raise of these options for this model.");
  m.def(
      "executor",
      [](const py::dict& options, int64_t ranks) {
        const train::Config config = config_from(options);
        const auto choice = engine::choose_executor(
            config.device, train::requirements_of(config, ranks));
        return choice_to_dict(choice);
      },
      "options"_a, "ranks"_a, "Which executor would train, and why.");
  m.def("learn_preprocessing", &learn_preprocessing, "model"_a, "images"_a,
        "rows"_a, "Means and deviations that were left empty, as fit() does.");
  m.def("adapt_statistics", &adapt, "predictor"_a, "images"_a, "rows"_a,
        "Running statistics of batch norms become those of the images.");
  m.def(
      "kernels",
      [] {
        std::vector<std::string> names;
        for (const auto* kernels : kernels::available())
          names.push_back(kernels->name);
        return names;
      },
      "Instruction sets that the native executor can use here, best first.");
  py::class_<PythonRehearsal>(
      m, "Rehearsal",
      "Training steps without content: what a device could not capture throws.")
      .def(py::init<models::Model&, py::array, std::optional<Labels>, Labels,
                    const py::dict&, int64_t>(),
           "model"_a, "images"_a, "rows"_a, "labels"_a, "options"_a,
           "launch_steps"_a = 16, py::keep_alive<1, 2>())
      .def("start_epoch", &PythonRehearsal::start_epoch,
           py::call_guard<GilRelease>(), "The next epoch.")
      .def("launch", &PythonRehearsal::launch, py::call_guard<GilRelease>(),
           "The next launch of the epoch; how many steps it has.");
  m.def("fit", &fit, "model"_a, "images"_a, "rows"_a, "labels"_a,
        "sample_weight"_a, "domains"_a, "val_images"_a, "val_rows"_a,
        "val_labels"_a, "options"_a, "epoch_done"_a, "pulse"_a,
        "ranks"_a = py::none(), "recorder"_a = py::none(),
        "save"_a = py::none(), "save_seconds"_a = 60.0, "state"_a = py::none(),
        "Train in place; use digitnet.Model.fit.");
}

}  // namespace digitnet::bindings
