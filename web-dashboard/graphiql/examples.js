// What the tabs hold at first, about a GPU and a cluster that there are. Their
// comments end where the buttons beside them begin.
window.examplesOf = (uuid, cluster) => [
  {
    query: `# Every GPU of the fleet, and its state.
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
    query: `# One GPU with its latest samples.
# Which one, the variables below say.
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
    variables: JSON.stringify({ uuid }, null, 2),
  },
  {
    query: `# Clusters, their hosts, their GPUs.
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
  cluster(id: ${JSON.stringify(cluster)}) {
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
    query: `# Samples as they arrive, until the
# button is pressed again. What a sample
# did not bring is null.
subscription Live {
  telemetryUpdates(clusterId: ${JSON.stringify(cluster)}) {
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
