// MNIST the way of LibTorch's C++ examples: a module, torch::data's loader, an
// optimizer of torch::optim, each step asked for singly. Prints the seconds of
// every epoch. Built and run by bench/cuda.py.
#include <torch/torch.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace {

struct NetImpl : torch::nn::Module {
  torch::Tensor forward(torch::Tensor x) {
    x = torch::relu(torch::max_pool2d(conv1(x), 2));
    x = torch::relu(torch::max_pool2d(conv2(x), 2));
    x = torch::relu(dense1(x.flatten(1)));
    x = torch::dropout(x, 0.5, is_training());
    return torch::log_softmax(dense2(x), 1);
  }

  torch::nn::Conv2d conv1 =
      register_module("conv1", torch::nn::Conv2d(1, 10, 5));
  torch::nn::Conv2d conv2 =
      register_module("conv2", torch::nn::Conv2d(10, 20, 5));
  torch::nn::Linear dense1 =
      register_module("dense1", torch::nn::Linear(320, 50));
  torch::nn::Linear dense2 =
      register_module("dense2", torch::nn::Linear(50, 10));
};
TORCH_MODULE(Net);

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: libtorch_mnist FOLDER BATCH_SIZE EPOCHS\n");
    return 2;
  }
  const torch::Device device(torch::cuda::is_available() ? torch::kCUDA
                                                         : torch::kCPU);
  Net net;
  net->to(device);
  torch::optim::SGD optimizer(net->parameters(),
                              torch::optim::SGDOptions(0.01).momentum(0.5));
  auto data = torch::data::datasets::MNIST(argv[1])
                  .map(torch::data::transforms::Normalize<>(0.1307, 0.3081))
                  .map(torch::data::transforms::Stack<>());
  auto loader = torch::data::make_data_loader(
      std::move(data), static_cast<size_t>(std::atoll(argv[2])));
  for (long epoch = std::atol(argv[3]); epoch > 0; --epoch) {
    const auto start = std::chrono::steady_clock::now();
    double sum = 0;
    net->train();
    for (auto& batch : *loader) {
      optimizer.zero_grad();
      const auto loss =
          torch::nll_loss(net(batch.data.to(device)), batch.target.to(device));
      loss.backward();
      optimizer.step();
      sum += loss.item<double>();
    }
    const std::chrono::duration<double> spent =
        std::chrono::steady_clock::now() - start;
    std::printf("%.6f %.4f\n", spent.count(), sum);
  }
  return 0;
}
