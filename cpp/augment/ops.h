// Every augmentation, in one list. To add one: write
// cpp/augment/ops/<name>.cpp, declare it here, add it to all().
#pragma once

#include <vector>

#include "augment/op.h"

namespace digitnet::augment {

// Amounts are uniform in [0, strength] or [-strength, strength] unless noted;
// strength 0 changes nothing.

// Where pixels are read: one resampling for all of them.
OpEntry shift();   // by up to `px` pixels or %, rows and columns apart
OpEntry rotate();  // by up to `deg` degrees about the centre
// By a factor from 1 - z to 1 + z about the centre: of the size, one for both
// axes; with axes=2 one for each, of the distances from the centre at which
// pixels are read, as Keras' ImageDataGenerator has it.
OpEntry zoom();
OpEntry shear();    // rows against each other by up to `deg` degrees
OpEntry crop();     // padded, then cut out at a whole-pixel place
OpEntry elastic();  // every pixel by its own smooth displacement
// Mirrored, with a probability; not for digits, whose classes would change.
OpEntry horizontal_flip();
OpEntry vertical_flip();

// What pixels are, afterwards. Values stay in [0, full intensity].
OpEntry erase();       // a rectangle of up to this part of the area, to 0
OpEntry brightness();  // all pixels by up to this part of full intensity
// Each channel by its own factor from 1 - c to 1 + c; from the fifth channel on
// the four factors come again. Grey images have one channel: one factor.
constexpr int64_t kChannelGains = 4;
OpEntry channel_gain();
OpEntry contrast();  // distances from the mean by a factor from 1 - c to 1 + c
OpEntry noise();     // normal, this part of full intensity
OpEntry blur();      // Gaussian of up to `px` pixels
OpEntry sharpen();   // the negative Laplacian is added, up to so many times

inline const std::vector<OpEntry>& all() {
  static const std::vector<OpEntry> entries = {
      blur(),    brightness(), channel_gain(),    contrast(),      crop(),
      elastic(), erase(),      horizontal_flip(), noise(),         rotate(),
      sharpen(), shear(),      shift(),           vertical_flip(), zoom()};
  return entries;
}

}  // namespace digitnet::augment
