{
  'targets': [
    {
      'target_name': 'tsnet',
      'sources': [
        'src/addon.cc',
        'src/arguments.cc',
        'src/buffer.cc',
        'src/channel.cc',
        'src/errors.cc',
        'src/framing.cc',
        'src/inquirer.cc',
        'src/inquiry.cc',
        'src/lock_waiter.cc',
        'src/loop.cc',
        'src/netns.cc',
        'src/socket.cc',
        'src/store_file.cc',
      ],
      'include_dirs': ["<!@(node -p \"require('node-addon-api').include_dir\")"],
      'defines': [
        # 8 is the highest version that every supported Node.js has; the binary then loads in all of them.
        'NAPI_VERSION=8',
        'NODE_ADDON_API_CPP_EXCEPTIONS_ALL',
        # A worker that is being terminated refuses exceptions; that must not abort the process.
        'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS',
        'NODE_ADDON_API_DISABLE_DEPRECATED',
      ],
      'cflags_cc!': ['-fno-exceptions', '-fno-rtti'],
      'cflags_cc': ['-std=c++17', '-fexceptions', '-fvisibility=hidden', '-Wall', '-Wextra', '-Wpedantic'],
      'cflags': ['-fstack-protector-strong', '-U_FORTIFY_SOURCE', '-D_FORTIFY_SOURCE=2'],
      'ldflags': ['-Wl,-z,relro', '-Wl,-z,now', '-Wl,-z,noexecstack'],
      'conditions': [["target_arch=='x64'", {'cflags': ['-fcf-protection']}]],
    },
  ],
}
