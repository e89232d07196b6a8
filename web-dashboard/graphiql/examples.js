// What the tabs hold at first.
window.examples = [
  {
    query: `# Every GPU of the fleet, with what it is doing now.
query Gpus {
  gpus {
    id
    uuid
    hostname
    name
    device
    status
  }
}
`,
  },
  {
    query: `# One GPU with its latest samples: put a UUID into the variables.
query Gpu($uuid: ID!) {
  gpu(uuid: $uuid) {
    id
    uuid
    hostname
    name
    telemetry(limit: 10) {
      timestamp
      gpuUtilization
      memoryUtilization
      temperature
      powerDraw
    }
  }
}
`,
    variables: '{\n  "uuid": "GPU-"\n}',
  },
  {
    query: `# The tree: clusters, their hosts, their GPUs.
query Tree {
  clusters {
    id
    hosts {
      hostname
      gpus {
        id
        uuid
        name
        status
      }
    }
  }
}
`,
  },
  {
    query: `# One cluster, and how its GPUs are.
query Cluster {
  cluster(id: "local") {
    id
    name
    region
    totalHosts
    totalGPUs
    hosts {
      id
      hostname
      gpus {
        id
        deviceName
        health {
          utilizationPercent
          temperatureCelsius
          healthy
        }
      }
    }
  }
}
`,
  },
  {
    query: `# Samples as they arrive. Stop it with the same button.
subscription Live {
  telemetryUpdates(clusterId: "local") {
    eventType
    timestamp
    hostId
    gpuId
    data {
      gpuUtilization
      temperature
      powerDraw
    }
  }
}
`,
  },
];
