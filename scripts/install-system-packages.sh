#!/usr/bin/env bash
# Installs what Dicebench needs from Debian or Ubuntu: a C compiler for two dependencies, the
# libraries that a window opens at run time, and a software Vulkan driver for machines without a GPU.
set -euo pipefail

packages=(
  build-essential pkg-config
  libxkbcommon0 libxkbcommon-x11-0 libwayland-client0
  libx11-6 libx11-xcb1 libxcursor1 libxi6 libxrandr2
  libegl1 libgl1 libvulkan1 mesa-vulkan-drivers libgl1-mesa-dri
)

as_root=()
if [ "$(id -u)" -ne 0 ]; then as_root=(sudo); fi

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
if [ "${#missing[@]}" -eq 0 ]; then
  echo "system packages: all present"
  exit 0
fi
"${as_root[@]}" apt-get update
DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y --no-install-recommends "${missing[@]}"
